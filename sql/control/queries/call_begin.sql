-- takes an idempotency key, once; the asker alone sees it
INSERT INTO call (person, key, request, status, at) VALUES (?, ?, ?, 0, ?) ON CONFLICT DO NOTHING
