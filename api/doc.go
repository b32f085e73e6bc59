// Package api is the service that people use: HTTP under /v1, accounts, uploads,
// jobs, reports. It decides who is asking; what may leave, the enclave decides.
//
//	request ─▶ id, limits ─▶ who asks ─▶ rate ─▶ access.yaml ─▶ Idempotency-Key ─▶ handler ─▶ answer, or problem
//
// openapi.yaml is the contract: every operation stands there, in endpoints and in
// access.yaml under one name, and a test holds the three together. Rows belong to
// parties; a row of another party is not found. Handlers return an answer or an
// error; entrustment.Public is what people see of the error.
package api
