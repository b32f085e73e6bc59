-- an address that has an account, or another link, needs no older ones
DELETE FROM invite WHERE party = ? AND email = ?
