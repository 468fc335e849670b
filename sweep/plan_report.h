/* plan_report.h -- `wattsweep plan`: what a sweep would do, without writing anything. */
#ifndef SWP_PLAN_REPORT_H
#define SWP_PLAN_REPORT_H

/** The whole command. @return the exit code */
int swp_cmd_plan(int argc, char **argv);

#endif /* SWP_PLAN_REPORT_H */
