-- all files of tables, with what decides whether they are kept, for who removes the others; nobody sees them
SELECT DISTINCT digest, entrustment, released FROM report
