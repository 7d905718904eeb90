"""The mail that carries a sign-in link: its words, its form, and three ways to send it."""
