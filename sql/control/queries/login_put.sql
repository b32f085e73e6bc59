-- counts failed sign-ins under a key
INSERT INTO login (key, failures, at, until) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, at = excluded.at, until = excluded.until
