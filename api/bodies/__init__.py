"""The shapes of bodies and answers, a module a noun."""
