-- forgets the programs of a person
DELETE FROM device WHERE person = ?
