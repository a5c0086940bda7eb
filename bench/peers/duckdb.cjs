// duckdb.cjs RIDES ROWS: the job of ride_window.yaml by DuckDB on one thread.
const { DuckDBInstance } = require('@duckdb/node-api');

async function main() {
  const [rides, rows] = process.argv.slice(2);
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  await connection.run(`
    copy (
      select epoch_us(time_bucket(interval 10 seconds, ride_timestamp)), driver_id, count(*), sum(fare)
      from read_json('${rides}', format = 'newline_delimited',
        columns = {driver_id: 'varchar', status: 'varchar', fare: 'double', ride_timestamp: 'timestamp'})
      where status = 'ride_completed'
      group by all
    ) to '${rows}' (format csv, header false)`);
}
main();
