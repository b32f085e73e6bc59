-- the webhooks of a party that want a kind of event
SELECT id FROM webhook WHERE party = ?1 AND enabled = 1 AND (kinds = '[]' OR EXISTS (SELECT 1 FROM json_each(webhook.kinds) WHERE value = ?2)) ORDER BY id
