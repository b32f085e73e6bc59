-- forgets what is older than a day
DELETE FROM call WHERE at < ?
