// The rows of bench/report, by what they measure. Each adds its rows to the report, or says why it cannot.
#pragma once

#include "bench/rows/report.h"
#include "engine/catalog.h"

namespace rideflow::bench {

// ride_window_1k, ride_window_1m: the same job by the engine and by a plain loop; and, of the same runs,
// allocations per event, bytes of state per key and the longest step.
Status ride_window(const Catalog& catalog, Report& report);
// The same where a tenth of the events is spelt in another way.
Status ride_window_shapes(const Catalog& catalog, Report& report);
// The same by size of batch: cost per event must stay flat.
Status ride_window_batches(const Catalog& catalog, Report& report);
// The same from an embedded topic, beside memory; by two threads, beside one.
Status ride_window_topic(const Catalog& catalog, Report& report);
Status ride_window_two_threads(const Catalog& catalog, Report& report);
// The same from a real Kafka, beside a bare consumer.
Status ride_window_kafka(const Catalog& catalog, Report& report);
// The longest step while a window of a million keys fires, and while as many changed keys are checkpointed.
Status ride_keys(const Catalog& catalog, Report& report);
// How long a checkpoint of a million changed keys takes, and a start from it, beside sorted runs that are
// written and read by a plain loop.
Status state_costs(const Catalog& catalog, Report& report);
// Windows of one event each, with RocksDB: how many a second.
Status windows_fired(const Catalog& catalog, Report& report);
// The main job whole, and the share of each of its steps.
Status ride_metrics(const Catalog& catalog, Report& report);
// Rows into 10,000 cells of a rollup; a filtered sum over many cells, in memory and sealed, and sums by
// group.
Status rollup_ingest(const Catalog& catalog, Report& report);
Status rollup_scan(const Catalog& catalog, Report& report);
// `rideflow run` as a process: its start and its memory.
Status process(const Catalog& catalog, Report& report);
// The same, of events on their way into a query's answer.
Status visible(const Catalog& catalog, Report& report);
// The same while nothing comes: its CPU time.
Status idle(const Catalog& catalog, Report& report);
// Cost per event by number of keys, of output columns, and of slices in a window.
Status curve_keys(const Catalog& catalog, Report& report);
Status curve_columns(const Catalog& catalog, Report& report);
Status curve_slices(const Catalog& catalog, Report& report);
// Expressions over batches, each beside a loop of its own.
Status expressions(const Catalog& catalog, Report& report);

}  // namespace rideflow::bench
