/* cmd_plan.h -- `wattsweep plan`: what a sweep would do, without writing anything. */
#ifndef SWP_CMD_PLAN_H
#define SWP_CMD_PLAN_H

/** The whole command. @return the exit code */
int swp_cmd_plan(int argc, char **argv);

#endif /* SWP_CMD_PLAN_H */
