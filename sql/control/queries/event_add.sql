-- keeps what is told, once by its id
INSERT INTO event (id, party, kind, subject, data, body, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
