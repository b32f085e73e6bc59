-- says of an account that a room to rehearse in began with it
INSERT INTO practice (person) VALUES (?) ON CONFLICT DO NOTHING
