package exchange

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what happens. Labels are partner codes, message types and
// problem slugs: closed sets, never anything from a message.
type Metrics struct {
	requests   *prometheus.CounterVec
	refusals   *prometheus.CounterVec
	latency    prometheus.Histogram
	batches    prometheus.Histogram
	batchTime  prometheus.Histogram
	failures   prometheus.Counter
	deliveries *prometheus.CounterVec
	breaker    *prometheus.GaugeVec
	silences   *prometheus.CounterVec
	alarms     *prometheus.CounterVec
	handshakes *prometheus.CounterVec
	checkedAt  prometheus.Gauge
	findings   prometheus.Gauge
}

// NewMetrics registers the exchange's metrics.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		requests:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_requests_total", Help: "Requests to the exchange API by partner and HTTP status."}, []string{"partner", "status"}),
		refusals:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_refusals_total", Help: "Messages refused, by partner and problem."}, []string{"partner", "problem"}),
		latency:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gateway_accept_seconds", Help: "Time from the first byte of a message to its answer.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
		batches:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gateway_batch_entries", Help: "Entries in one transaction of the record.", Buckets: prometheus.ExponentialBuckets(1, 2, 10)}),
		batchTime:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gateway_batch_seconds", Help: "Time of one transaction of the record.", Buckets: prometheus.ExponentialBuckets(0.0002, 2, 14)}),
		failures:   prometheus.NewCounter(prometheus.CounterOpts{Name: "gateway_batch_failures_total", Help: "Transactions of the record that failed or whose outcome is unknown."}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_delivery_attempts_total", Help: "Attempts to deliver, by partner and outcome."}, []string{"partner", "outcome"}),
		breaker:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gateway_circuit_open", Help: "1 while deliveries to the partner are held back after repeated failures."}, []string{"partner"}),
		silences:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_delivery_unreached_total", Help: "Attempts to deliver that had no answer, by partner and reason."}, []string{"partner", "reason"}),
		alarms:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_log_alarms_total", Help: "Times that a log, ours or a partner's, was found not to be what it was."}, []string{"partner", "kind"}),
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_tls_refusals_total", Help: "TLS sessions refused, by rule."}, []string{"rule"}),
		checkedAt:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_record_checked_timestamp_seconds", Help: "When the last check of the record ended, since 1970; 0 while there was none."}),
		findings:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_record_findings", Help: "What the last check of the record has found wrong."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.refusals, m.latency, m.batches, m.batchTime, m.failures, m.deliveries, m.breaker, m.silences, m.alarms, m.handshakes, m.checkedAt, m.findings} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Metrics) refused(partner, slug string) { m.refusals.WithLabelValues(partner, slug).Inc() }
func (m *Metrics) batchFailed()                 { m.failures.Inc() }
func (m *Metrics) batch(entries int, took time.Duration) {
	m.batches.Observe(float64(entries))
	m.batchTime.Observe(took.Seconds())
}
func (m *Metrics) delivery(partner, outcome string) {
	m.deliveries.WithLabelValues(partner, outcome).Inc()
}
func (m *Metrics) unreached(partner, reason string) {
	m.silences.WithLabelValues(partner, reason).Inc()
}
func (m *Metrics) logAlarm(partner, kind string) { m.alarms.WithLabelValues(partner, kind).Inc() }

// checked shows the last check of the record. One whose outcome cannot be read
// has something wrong.
func (m *Metrics) checked(last LastCheck) {
	if last.At.IsZero() {
		return
	}
	m.checkedAt.Set(float64(last.At.Unix()))
	m.findings.Set(float64(last.Findings))
	if last.Unreadable {
		m.findings.Set(1)
	}
}

func (m *Metrics) circuit(partner string, open bool) {
	v := 0.0
	if open {
		v = 1
	}
	m.breaker.WithLabelValues(partner).Set(v)
}

func (m *Metrics) answered(partner string, status int, took time.Duration) {
	m.requests.WithLabelValues(partner, strconv.Itoa(status)).Inc()
	m.latency.Observe(took.Seconds())
}

// HandshakeRefused counts a TLS session that was refused before any request.
func (m *Metrics) HandshakeRefused(rule string) { m.handshakes.WithLabelValues(rule).Inc() }
