-- the same, with the whole thousandths of each sort of touch by their weights, what is
-- left of each below one, and how many are left; it stays on the server
SELECT id, times, used, arrayMap(w -> intDiv(w * 1000, total), weights) AS whole, arrayMap(w -> (w * 1000) % total, weights) AS rest, 1000 - arraySum(whole) AS spare
FROM (
    SELECT id, times, used, greatest(toInt64(1), arraySum(weights)) AS total,
        arrayMap(touch -> arraySum(e -> if(e.2 = touch, e.3 * {by}[used[-1].1 - e.1 + 1], toInt64(0)), used), {places}) AS weights
    FROM ({conversions})
)
