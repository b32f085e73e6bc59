-- forgets tables that their contract keeps no longer; their files are then of none
DELETE FROM report WHERE until <= ?
