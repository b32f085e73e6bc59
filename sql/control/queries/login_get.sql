-- failed sign-ins under a key; nobody sees it
SELECT failures, at, until FROM login WHERE key = ?
