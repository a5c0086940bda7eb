import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/** RideWindow RIDES ROWS CHECKPOINTS: the job of ride_window.yaml by Flink SQL in one process: one task slot, state on
 * the heap, exactly-once checkpoints every 10 s into files. A failure ends it. */
public class RideWindow {
  public static void main(String[] args) throws Exception {
    Configuration conf = new Configuration();
    conf.setString("parallelism.default", "1");
    conf.setString("state.backend.type", "hashmap");
    conf.setString("execution.checkpointing.interval", "10 s");
    conf.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
    conf.setString("execution.checkpointing.storage", "filesystem");
    conf.setString("execution.checkpointing.dir", "file://" + args[2]);
    conf.setString("restart-strategy.type", "disable");
    conf.setString("pipeline.object-reuse", "true");
    conf.setString("table.local-time-zone", "UTC");
    TableEnvironment env = TableEnvironment.create(
        EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(conf).build());
    env.executeSql("CREATE TABLE rides (driver_id STRING, status STRING, fare DOUBLE, "
        + "ride_timestamp TIMESTAMP_LTZ(3), "
        + "WATERMARK FOR ride_timestamp AS ride_timestamp - INTERVAL '5' SECOND) WITH ('connector' = 'filesystem', "
        + "'path' = '" + args[0] + "', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601')");
    env.executeSql("CREATE TABLE results (window_start TIMESTAMP(3), driver_id STRING, rides BIGINT, fares DOUBLE) "
        + "WITH ('connector' = 'filesystem', 'path' = '" + args[1] + "', 'format' = 'csv')");
    env.executeSql("INSERT INTO results SELECT window_start, driver_id, COUNT(*), SUM(fare) FROM "
        + "TABLE(TUMBLE(TABLE rides, DESCRIPTOR(ride_timestamp), INTERVAL '10' SECOND)) "
        + "WHERE status = 'ride_completed' GROUP BY window_start, window_end, driver_id").await();
  }
}
