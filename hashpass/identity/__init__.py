"""Who somebody is, known by nothing but a number derived from an e-mail address that is then forgotten."""
