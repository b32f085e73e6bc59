-- whether a person has signed in with this program
SELECT 1 FROM device WHERE hash = ? AND person = ?
