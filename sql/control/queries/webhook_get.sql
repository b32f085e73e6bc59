-- a webhook of a party, without its secrets
SELECT id, party, url, kinds, description, enabled, why, failing, old_until, version, created, changed
FROM webhook WHERE id = ? AND party = ?
