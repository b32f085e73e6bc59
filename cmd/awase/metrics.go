package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"awase/enclave/wire"
	"awase/sql/control"
)

// metrics counts what the service does (docs/config.md says why each number may be
// shown). None is of a party, a person, a list or a release, and none comes from
// the match.
type metrics struct {
	http.Handler
	answers *prometheus.HistogramVec
}

// answerBuckets are seconds. The service answers in milliseconds; what takes longer
// is a stream.
var answerBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}

func newMetrics(store *control.Store, enclave *wire.Client) *metrics {
	r := prometheus.NewRegistry()
	m := &metrics{
		Handler: promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 3 * scrapeWait}),
		answers: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "awase_request_seconds", Help: "Requests by operation of the contract and status, and how long each took to answer.", Buckets: answerBuckets}, []string{"op", "status"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "awase_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": version()}})
	build.Set(1)
	r.MustRegister(m.answers, build, &counted{store, enclave}, collectors.NewGoCollector())
	return m
}

// Observe counts an answer.
func (m *metrics) Observe(op string, status int, took time.Duration) {
	m.answers.WithLabelValues(op, strconv.Itoa(status)).Observe(took.Seconds())
}

// counted is what is counted when it is asked for.
type counted struct {
	store   *control.Store
	enclave *wire.Client
}

var (
	enclaveUp  = prometheus.NewDesc("awase_enclave_up", "Whether the enclave answers: 1, or 0.", nil, nil)
	storeUp    = prometheus.NewDesc("awase_store_up", "Whether the control store answers: 1, or 0.", nil, nil)
	jobs       = prometheus.NewDesc("awase_jobs", "Jobs that the store holds, by kind and state.", []string{"kind", "state"}, nil)
	deliveries = prometheus.NewDesc("awase_webhook_deliveries", "Deliveries of webhooks that the store holds, by state.", []string{"state"}, nil)
	uploads    = prometheus.NewDesc("awase_uploads_bytes", "Bytes of sealed files, as declared, that come or wait to be loaded.", nil, nil)
)

// scrapeWait is how long one look may take: who hangs is not up.
const scrapeWait = 5 * time.Second

// Describe tells what there is.
func (c *counted) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{enclaveUp, storeUp, jobs, deliveries, uploads} {
		to <- d
	}
}

// Collect counts.
func (c *counted) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	up := func(d *prometheus.Desc, err error) {
		if err != nil {
			gauge(d, 0)
			return
		}
		gauge(d, 1)
	}
	ctx, stop := context.WithTimeout(context.Background(), scrapeWait)
	defer stop()
	up(enclaveUp, c.enclave.Hello(ctx))
	ctx, stop = context.WithTimeout(context.Background(), scrapeWait)
	defer stop()
	t, err := c.store.Tallies(ctx)
	up(storeUp, err)
	if err != nil {
		return
	}
	for _, j := range t.Jobs {
		gauge(jobs, float64(j.N), j.Kind, j.State)
	}
	for _, d := range t.Deliveries {
		gauge(deliveries, float64(d.N), d.State)
	}
	gauge(uploads, float64(t.Uploads))
}
