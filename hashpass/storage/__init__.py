"""Where sessions, used tokens and bans are kept: one port, several rooms."""
