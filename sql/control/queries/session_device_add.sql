-- a program that a person signed in with
INSERT INTO device (hash, person, at) VALUES (?, ?, ?)
