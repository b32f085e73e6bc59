-- forgets uploads that ended long ago
DELETE FROM upload WHERE ended > 0 AND ended < ?
