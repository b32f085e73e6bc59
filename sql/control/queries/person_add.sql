-- makes an account
INSERT INTO person (id, party, email, name, roles, language, password, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
