-- whether anything is sealed under control.key: second factors, secrets of webhooks
SELECT EXISTS (SELECT 1 FROM person WHERE totp IS NOT NULL OR totp_new IS NOT NULL) OR EXISTS (SELECT 1 FROM webhook)
