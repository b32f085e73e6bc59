-- forgets the recovery codes of a person
DELETE FROM recovery WHERE person = ?
