-- the code that makes the first admin; it takes the place of the one before
INSERT INTO setup (one, hash) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET hash = excluded.hash
