package people

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed" // the table
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// adultTable is UCI "Adult" (Becker and Kohavi 1996, CC BY 4.0); see
// adult/README.md.
//
//go:embed adult/adult.csv.gz
var adultTable []byte

// AdultRows is how many people the census table holds.
const AdultRows = 32_561

// adultSeed is fixed: the demo, the tests and the documents speak of the same
// rows.
const adultSeed = 1994

// The size of the list that WriteAdultList makes.
const (
	adultKnown     = 9_000 // people of the table, near enough; who they are is drawn
	adultStrangers = 3_000
)

var adultColumns = []string{
	"age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship",
	"race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
}

// eachAdult gives the rows of the census table, without the spaces that lead
// its values; an unknown value, "?", is an empty one.
func eachAdult(yield func(n int, row []string) error) error {
	z, err := gzip.NewReader(bytes.NewReader(adultTable))
	if err != nil {
		return fmt.Errorf("opening the census table: %w", err)
	}
	rows := csv.NewReader(z)
	rows.FieldsPerRecord = len(adultColumns)
	rows.TrimLeadingSpace = true
	rows.ReuseRecord = true
	for n := 0; ; n++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the census table: %w", err)
		}
		for i, v := range row {
			if v = strings.TrimSpace(v); v == "?" {
				v = ""
			}
			row[i] = v
		}
		if err := yield(n, row); err != nil {
			return err
		}
	}
}

// WriteAdultBase writes the census table as a base in CSV: made-up
// identifiers, then the columns of the table under their published names.
// Everybody accepted the policy of 2024-01-29.
func WriteAdultBase(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	head := append([]string{"user_id", "email", "mobile", "email_verified", "policy_version", "agreed_on"}, adultColumns...)
	if _, err := out.WriteString(strings.Join(head, ",") + "\n"); err != nil {
		return fmt.Errorf("writing the census table: %w", err)
	}
	who, d := newDice(adultSeed), newDice(adultSeed)
	var line []byte
	err := eachAdult(func(n int, row []string) error {
		p := who.person(n)
		d.cast(streamAdult, n)
		number := d.mobile(n)
		line = append(d.userKey(line[:0], n), ',')
		line = append(p.mailbox(line, false), ',')
		line = append(append(line, number[:]...), ",true,2024-01-29,"...)
		line = appendDay(line, policies[0].from.Add(time.Duration(d.below(700))*24*time.Hour))
		for _, v := range row {
			line = appendCSV(append(line, ','), []byte(v))
		}
		_, err := out.Write(append(line, '\n'))
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("writing the census table: %w", err)
	}
	return nil
}

// WriteAdultList writes a list in CSV (UTF-8; email, phone, tier) of about
// 9,000 people of the census table, the graduated and well paid more often
// than others, and 3,000 strangers.
func WriteAdultList(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	if _, err := out.WriteString("email,phone,tier\n"); err != nil {
		return fmt.Errorf("writing the census list: %w", err)
	}
	who, d := newDice(adultSeed), newDice(adultSeed)
	var line []byte
	put := func(n, tier int) error {
		p := who.person(n)
		number := d.mobile(n)
		line = appendCSV(line[:0], []byte(d.clientMail(&p)))
		line = appendCSV(append(line, ','), []byte(d.clientNumber(number[:])))
		line = append(append(line, ','), tiers[tier]...)
		_, err := out.Write(append(line, '\n'))
		return err
	}
	err := eachAdult(func(n int, row []string) error {
		d.cast(streamAdultList, n)
		income, education := row[len(row)-1], row[3]
		share := 0.2
		if income == ">50K" {
			share += 0.2
		}
		if education == "Bachelors" || education == "Masters" || education == "Doctorate" || education == "Prof-school" {
			share += 0.14
		}
		if !d.chance(share) {
			return nil
		}
		tier := d.below(2)
		if income == ">50K" && d.chance(0.3) {
			tier = 2
		}
		return put(n, tier)
	})
	for n := AdultRows; n < AdultRows+adultStrangers && err == nil; n++ {
		d.cast(streamAdultList, n)
		err = put(n, d.below(2))
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("writing the census list: %w", err)
	}
	return nil
}
