-- forgets links that ran out
DELETE FROM invite WHERE ends <= ?
