-- puts an event in a person's inbox
INSERT INTO notice (id, person, event) VALUES (?, ?, ?)
