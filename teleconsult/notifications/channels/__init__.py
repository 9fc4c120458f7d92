"""Ways to reach a person who has no page open. One module per way; `null` where a site has none."""
