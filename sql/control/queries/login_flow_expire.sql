-- forgets sign-ins by OpenID Connect that did not come back
DELETE FROM login_flow WHERE ends <= ?
