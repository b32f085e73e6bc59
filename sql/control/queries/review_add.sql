-- notes that a person read a draft; once is enough
INSERT INTO review (draft, person, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
