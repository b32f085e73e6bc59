-- adds a webhook of a party that has fewer than so many
INSERT INTO webhook (id, party, url, kinds, description, enabled, why, secret, created, changed)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9 WHERE (SELECT count(*) FROM webhook WHERE party = ?2) < ?10
