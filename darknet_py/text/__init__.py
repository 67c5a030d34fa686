"""Models of text: networks that foretell the next character, or token."""
