-- the clusters of the users under requests; they go to the enclave's memory alone
SELECT id FROM {user:Identifier} WHERE token IN (SELECT token FROM asked)
