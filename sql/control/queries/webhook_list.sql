-- webhooks of a party, newest first, without their secrets
SELECT id, party, url, kinds, description, enabled, why, failing, old_until, version, created, changed
FROM webhook WHERE party = ?1 AND (?2 = '' OR id < ?2) ORDER BY id DESC LIMIT ?3
