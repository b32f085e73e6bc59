-- forgets the code
DELETE FROM setup
