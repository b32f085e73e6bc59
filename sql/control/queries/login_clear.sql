-- forgets failed sign-ins under a key
DELETE FROM login WHERE key = ?
