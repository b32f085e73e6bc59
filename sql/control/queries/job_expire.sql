-- forgets jobs that ended long ago
DELETE FROM job WHERE ended > 0 AND ended < ?
