-- whether no cluster on this shard has two tokens of a kind; the engine alone sees it
SELECT count() = uniqExact(id) AS single FROM {table:Identifier}
