-- who a person is at an OpenID provider; one there, for good
INSERT INTO login_identity (issuer, subject, person) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
