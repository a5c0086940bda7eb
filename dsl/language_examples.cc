// Whole jobs that use every word of the language, for the reference page. A test checks each, runs its tests,
// and finds every key of the JSON Schema in one of them: a new word goes into a job here.
#include "dsl/language_examples.h"

namespace rideflow {

namespace {

constexpr std::string_view kWholeJob = R"yaml(job: fares_per_city
description: Completed rides and their money, per city and minute.

kafka:
  brokers: "${KAFKA_BROKERS:-}"           # empty: topics live in the data directory

sources:
  rides:
    topic:
      name: ride_events
    schema:
      city: string
      fare: double?
      at: timestamp
    event_time:
      column: at

streams:
  city_minute:
    from: rides
    key_by: [city]
    window:
      tumbling: 1m
    aggregate:
      rides: count()
      revenue: sum(fare)

sinks:
  minutes:
    from: city_minute
    topic:
      name: city_minutes

tests:
  - name: two rides in one minute are one row
    feed:
      - rides:
          - {city: Lyon, fare: 10, at: 2026-01-01T12:00:10Z}
          - {city: Lyon, fare: 2.5, at: 2026-01-01T12:00:20Z}
    expect:
      minutes:
        - {city: Lyon, window_start: 2026-01-01T12:00:00Z, rides: 2, revenue: 12.5}
)yaml";

constexpr std::string_view kBoundedLog = R"yaml(job: payments_in
restart:                                  # or 'restart: never'
  max_failures: 5
  within: 10m
  first_pause: 2s
  longest_pause: 2m
  poison: set_aside
kafka:
  brokers: "${KAFKA_BROKERS:-}"
  security: sasl_ssl
  mechanism: PLAIN
  username: rider
  password: {file: /run/secrets/kafka_password}
sources:
  payments:
    topic:
      name: payments
      partitions: 8
      start: 2026-01-01T00:00:00Z
      until: latest                       # a bounded input: the job ends when it has read all there is now
      on_gap: skip
      properties:
        fetch.wait.max.ms: "100"
    format: json
    schema:
      ride_id: string
      amount: decimal(10,2)
      paid_at: timestamp(ms)              # a number of milliseconds since 1970
      note: string?
    event_time:
      column: paid_at
      out_of_order: 5s
      max_ahead: 1m
      idle_after: 10s
      idle_advance: off
      max_skew: 30m
    bad_records: keep
    validate: all
sinks:
  good:
    from: payments
    topic:
      name: payments_checked
  broken:
    from: payments.rejected
    topic:
      name: payments_broken
tests:
  - name: a record without an amount is kept whole
    feed:
      - payments:
          - {ride_id: a, amount: 12.50, paid_at: 2026-01-01T12:00:00Z}
          - '{"ride_id": "b", "paid_at": 1767268800000}'
    expect:
      good:
        - {ride_id: a, amount: 12.50}
      broken:
        - {_step: payments, _partition: 0}
)yaml";

constexpr std::string_view kFilesThrough = R"yaml(job: files_through
sources:
  trips:
    file:
      path: in/*.csv.gz
      watch: true                         # wait for more files
      settle: 10s
      partitions: 4
      max_ratio: 1000
    format:
      csv:
        header: true
        delimiter: ";"
        quote: "'"
        "null": NA
        extra_fields: ignore
    schema:
      city: string
      km: double?
sinks:
  out:
    from: trips
    file:
      directory: out/trips
    format:
      csv:
        header: true
        delimiter: tab
    delivery: exactly_once
    mode: append
tests:
  - name: rows go through
    feed:
      - trips:
          - {city: Lyon, km: 3.5}
          - {city: Nice}
    expect:
      out:
        - {city: Lyon, km: 3.5}
        - {city: Nice, km: null}
)yaml";

constexpr std::string_view kMadeEvents = R"yaml(job: made_rides
sources:
  rides:
    generator:
      kind: rides
      rate: 500/s
      count: 100000                       # then it ends
      seed: 7
      start: 2026-01-01T12:00:00Z
      partitions: 2
      pace: 20
      disorder: 2s
      late: 0.001
      duplicates: 0.01
      broken: 0.0002
  cars:
    generator:
      kind: vehicles
      rate: 1k/s
      rides_rate: 500/s
      until: 2026-01-01T13:00:00Z         # of the record's own time
  month:
    generator:
      kind: users
      days: 30                            # up to now, at once
      every: 30s
sinks:
  show:
    from: rides
    console:
      names: false
  nowhere:
    from: cars
    discard:
  nowhere_else:
    from: month
    discard:
tests:
  - name: what is made is shown
    feed:
      - rides:
          - {ride_id: a, city: Lyon, status: requested}
      - cars: []
      - month: []
    expect:
      show:
        - {ride_id: a, city: Lyon}
      nowhere: []
)yaml";

constexpr std::string_view kPlainSteps = R"yaml(job: long_and_short
sources:
  rides:
    topic: {name: ride_events}
    schema: {city: string, km: double, fare: double}
  parcels:
    topic: {name: parcel_events}
    schema: {city: string, km: double, kilograms: double}
streams:
  priced:
    from: rides
    where: fare > 0 and km > 0
    select:
      city:
      km:
      per_km: fare / km
  all_trips:
    union: [priced, parcels]
  by_length:
    from: all_trips
    split:
      long: km > 20
      short: else
sinks:
  far:
    from: by_length.long
    topic: {name: far_trips}
  near:
    from: by_length.short
    topic: {name: near_trips}
tests:
  - name: each trip goes one way
    feed:
      - rides:
          - {city: Lyon, km: 30, fare: 45}
          - {city: Lyon, km: 4, fare: 0}
      - parcels:
          - {city: Nice, km: 4, kilograms: 2}
    expect:
      far:
        - {city: Lyon, per_km: 1.5, kilograms: null}
      near:
        - {city: Nice, per_km: null, kilograms: 2}
)yaml";

constexpr std::string_view kAllWindows = R"yaml(job: windows
sources:
  rides:
    topic: {name: ride_events}
    schema:
      ride_id: string
      city: string
      status: string
      fare: double?
      at: timestamp
    event_time: {column: at, out_of_order: 5s}
streams:
  month:
    from: rides
    key_by: [city]
    window:
      tumbling: 1mo
      timezone: Europe/Paris
      allowed_lateness: 1d
      emit: updates
    aggregate:
      rides: count()
    having: rides > 1
  working_day:
    from: rides
    key_by: [city]
    window:
      tumbling: {size: 1d}
      offset: 6h
      every: 10m
    aggregate:
      revenue: sum(fare)
  last_hour:
    from: rides
    key_by: [city]
    window:
      hopping: {size: 1h, slide: 5m}
    aggregate:
      most: max(fare)
  trips:
    from: rides
    key_by: [ride_id]
    window:
      session:
        gap: 2h
        close_on: status in ('completed', 'cancelled')
    aggregate:
      city: any(city)
      events: count()
  day_so_far:
    from: rides
    key_by: [city]
    window:
      cumulating: {size: 1d, step: 1h}
    aggregate:
      rides: count()
  ever:
    from: rides
    key_by: []
    window:
      global: {every: 1m}
    aggregate:
      rides: count()
sinks:
  months: {from: month, topic: {name: months}}
  too_late: {from: month.late, topic: {name: too_late}}
  days: {from: working_day, topic: {name: days}}
  hours: {from: last_hour, topic: {name: hours}}
  trips_done: {from: trips, topic: {name: trips_done}}
  so_far: {from: day_so_far, topic: {name: so_far}}
  total: {from: ever, topic: {name: total}}
tests:
  - name: one ride in every kind of window
    feed:
      - rides:
          - {ride_id: a, city: Lyon, status: requested, at: 2026-01-31T21:50:00Z}
          - {ride_id: a, city: Lyon, status: completed, fare: 9, at: 2026-01-31T22:58:00Z}
    expect:
      months:                             # January in Paris
        - {city: Lyon, rides: 2, window_start: 2025-12-31T23:00:00Z, window_end: 2026-01-31T23:00:00Z}
      days:                               # twice early, once at the end
        - {revenue: null, window_start: 2026-01-31T06:00:00Z, _revision: 0}
        - {revenue: 9, window_start: 2026-01-31T06:00:00Z, _revision: 1}
        - {revenue: 9, window_start: 2026-01-31T06:00:00Z, _revision: 2}
      trips_done:
        - {ride_id: a, city: Lyon, events: 2, window_end: 2026-01-31T22:58:00.000001Z}
      so_far:
        - {city: Lyon, rides: 1, window_start: 2026-01-31T00:00:00Z}
        - {city: Lyon, rides: 2, window_start: 2026-01-31T00:00:00Z}
        - {city: Lyon, rides: 2, window_start: 2026-01-31T00:00:00Z}
      too_late: []
)yaml";

constexpr std::string_view kRolledUp = R"yaml(job: rides_rolled_up
sources:
  rides:
    topic: {name: ride_events}
    schema:
      city: string
      status: string
      fare: double?
      driver: string?
      at: timestamp
    event_time: {column: at}
sinks:
  live:
    from: rides
    rollup:
      datasource: live_rides
      granularity: minute
      dimensions: [city, status]
      metrics:
        count: count()
        revenue: sum(fare) filter (where status = 'completed')
        fares: approx_quantile(fare)
        drivers: approx_count_distinct(driver)
      retain: 30d
      time: at
tests:
  - name: rides of a minute are one cell
    feed:
      - rides:
          - {city: Lyon, status: completed, fare: 10, driver: d, at: 2026-01-01T12:00:10Z}
          - {city: Lyon, status: completed, fare: 2, driver: d, at: 2026-01-01T12:00:50Z}
    expect:
      live:
        - {__time: 2026-01-01T12:00:00Z, city: Lyon, count: 2, revenue: 12, drivers: 1}
)yaml";

constexpr std::string_view kThroughKafka = R"yaml(job: through_kafka
kafka:
  brokers: "${KAFKA_BROKERS:-broker-1:9093,broker-2:9093}"
  client_id: rideflow
  security: sasl_ssl
  mechanism: SCRAM-SHA-512
  username: rider
  password: {env: KAFKA_PASSWORD}
  ca_file: /etc/ssl/kafka-ca.pem
  properties:
    client.rack: a
sources:
  rides:
    topic:
      name: ride_events
      properties:
        fetch.wait.max.ms: "50"
    schema: {ride_id: string, city: string, status: string}
sinks:
  by_city:
    from: rides
    topic:
      name: rides_by_city
      key: [city]
      partitions: 12
      delivery: at_least_once
      properties:
        compression.type: zstd
    format: {json: {}}
tests:
  - name: rows go through, whatever the brokers
    feed:
      - rides: [{ride_id: a, city: Lyon, status: requested}]
    expect:
      by_city: [{ride_id: a, city: Lyon}]
)yaml";

constexpr std::string_view kTestedJob = R"yaml(job: tested
sources:
  rides:
    topic: {name: ride_events}
    schema: {city: string, at: timestamp}
    event_time: {column: at, idle_after: 30s}
  cars:
    topic: {name: car_events}
    schema: {city: string, at: timestamp}
    event_time: {column: at}
streams:
  both:
    union: [rides, cars]
  per_minute:
    from: both
    key_by: [city]
    window: {tumbling: 1m}
    aggregate: {n: count()}
sinks:
  counts: {from: per_minute, topic: {name: counts}}
  late: {from: per_minute.late, topic: {name: late}}
tests:
  - name: a restart in the middle of a window changes nothing
    parallelism: [1, 3]
    feed:
      - rides:
          - {city: Lyon, at: 2026-01-01T12:00:10Z, _partition: 1}
      - restart
      - cars:
          - {city: Lyon, at: 2026-01-01T12:00:20Z}
    expect:
      counts:
        - {city: Lyon, n: 2}
  - name: what comes behind the end of its window is late
    open: true                            # the sources stay open: only what is over fires
    feed:
      - rides: [{city: Lyon, at: 2026-01-01T12:00:10Z}]
      - end: [cars]
      - advance: {rides: 2026-01-01T12:01:00Z}
      - rides: [{city: Lyon, at: 2026-01-01T12:00:30Z}]
      - wait: 1m
    expect:
      counts:
        - {city: Lyon, n: 1, window_start: 2026-01-01T12:00:00Z}
      late:
        - {city: Lyon, at: 2026-01-01T12:00:30Z}
)yaml";

}  // namespace

const std::vector<LanguageExample>& language_examples() {
  static const std::vector<LanguageExample> all = {
      {"A whole job", "", kWholeJob},
      {"A source: a bounded log of payments", "sources.*.event_time", kBoundedLog},
      {"Files in, files out", "sources.*.file", kFilesThrough},
      {"Made events", "sources.*.generator", kMadeEvents},
      {"Steps without windows", "streams.*", kPlainSteps},
      {"Every kind of window", "streams.*.window.cumulating", kAllWindows},
      {"A rollup", "sinks.*.rollup", kRolledUp},
      {"The same job on Kafka", "kafka.password", kThroughKafka},
      {"Tests", "tests[].feed[]", kTestedJob},
  };
  return all;
}

}  // namespace rideflow
