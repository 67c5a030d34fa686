"""Go: the rules, game records, a network as a player, and the GTP engine."""
