-- forgets tables that their contract keeps no longer, and gives their files' names to who removes them
DELETE FROM report WHERE until < ? RETURNING digest
