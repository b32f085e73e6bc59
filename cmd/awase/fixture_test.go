package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// The small world of these tests: 6,000 users, of whom users 0 … 3,999 and
// 1,000 strangers are on the list. Every tenth user accepted an old policy
// version. Each value is a canary: it must be found nowhere outside its file.
const (
	smallUsers    = 6000
	smallListed   = 4000
	smallStranger = 1000
)

func canaryEmail(i int) string { return fmt.Sprintf("canary.%d.zyx@example.jp", i) }
func canaryPhone(i int) string { return fmt.Sprintf("090-77%02d-%04d", i/10000, i%10000) }

func smallBase() []byte {
	var b bytes.Buffer
	b.WriteString("user_id,email,mobile,ok,version,agreed,birth,sex,zip,name\n")
	for i := range smallUsers {
		version := "2024-01-29"
		if i%10 == 9 {
			version = "2019-04-01"
		}
		fmt.Fprintf(&b, "canary-user-%d,%s,%s,true,%s,2024-02-01,%d-06-15,%s,100-0001,Canary Name %d\n", i, canaryEmail(i), canaryPhone(i), version,
			1950+i%50, []string{"female", "male"}[i%2], i)
	}
	return b.Bytes()
}

func smallList() []byte {
	var b bytes.Buffer
	b.WriteString("Email,Phone,Rank,Name\n")
	for i := range smallListed + smallStranger {
		if i >= smallListed {
			i += 100_000
		}
		fmt.Fprintf(&b, "%s,%s,%s,Canary Listed %d\n", canaryEmail(i), canaryPhone(i), []string{"gold", "silver"}[i%2], i)
	}
	return b.Bytes()
}

func smallEvents() []byte {
	var b bytes.Buffer
	b.WriteString("user,at,yen\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "canary-user-%d,2026-04-%02d 10:%02d:00,%d\n", i*7%smallUsers, 1+i%28, i%60, 100+i)
	}
	return b.Bytes()
}

var smallDocs = map[string]string{
	"operator.yaml": "schema: awase.party/v1\nid: operator\nclass: operator\ngroup: operator\ncountry: JP\n",
	"acme.yaml":     "schema: awase.party/v1\nid: acme\nclass: client\ngroup: acme\ncountry: JP\n",
	"policies.yaml": `schema: awase.policies/v1
policies:
  - {version: "2024-01-29", date: 2024-01-29, clauses: {"2(4)": [2-4-delivery], "2(6)": [2-6-analysis], "5": [5-analysis, 5-delivery, 5-improvement]}}
  - {version: "2019-04-01", date: 2019-04-01, clauses: {}}
`,
	"gate.yaml": "schema: awase.gate/v1\ntick: 1s\n",
	"base.yaml": `schema: awase.base/v1
region: JP
user_key: user_id
verified: ok
consent: {version: version, date: agreed}
identifiers:
  - {column: email, kind: email}
  - {column: mobile, kind: phone}
attributes:
  - {column: birth, name: age_band, generalise: {birth_date: {width: 10, from: 20, to: 70}}}
  - {column: sex, name: gender, values: [female, male, unknown]}
  - {column: zip, name: prefecture, generalise: prefecture}
drop: [name]
`,
	"list.yaml": `schema: awase.list/v1
region: JP
columns:
  - {column: Email, kind: email}
  - {column: Phone, kind: phone}
  - {column: Rank, name: tier, values: [gold, silver]}
drop: [Name]
`,
	"contract.yaml": `schema: awase.entrustment/v1
id: acme-2026
flow: 5-analysis
principal: acme
trustee: operator
purpose: statistics
basis:
  - {party: operator, code: CONSENT_POLICY, policy: "2024-01-29", clauses: ["5"], evidence: "sha256:2c5a2d3fbfd046c8adfed290a54d007d5432f663271e9ca9b43fd9d24d9c643c"}
  - {party: acme, code: CONSENT_27_1, scope: analysis by the operator, evidence: "sha256:60a936b316b3d78fd9a3ec970bee394db72d6eaefbc7a9373f7d1854a0662289"}
identifiers: [email, phone]
attributes: [age_band, gender]
list_columns: [tier]
outputs: [overlap, profile]
recipients: [acme]
countries: {acme: JP}
retention: {lists: 90d, reports: 365d}
from: 2026-04-01
until: 2036-03-31
`,
	"events.yaml":  "schema: awase.events/v1\ntime: {column: at}\nuser_key: user\nkind: conversion\nvalue: {column: yen, unit: yen}\n",
	"overlap.yaml": "schema: awase.report/v1\nreport: overlap\nentrustment: acme-2026\nlist: spring\n",
	"profile.yaml": "schema: awase.report/v1\nreport: profile\nentrustment: acme-2026\nlist: spring\ndims: [gender, tier]\n",
	"index.yaml":   "schema: awase.report/v1\nreport: profile\nentrustment: acme-2026\nlist: spring\ndims: [age_band]\nindex: true\ntotal: true\n",
}

func writeDocs(dir string) error {
	for name, text := range smallDocs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
