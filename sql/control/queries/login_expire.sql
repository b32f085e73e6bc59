-- forgets failed sign-ins of long ago
DELETE FROM login WHERE at <= ?
