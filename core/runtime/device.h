/* The runtime's list of devices. */
#ifndef TN_RUNTIME_DEVICE_H
#define TN_RUNTIME_DEVICE_H

#include "runtime/runtime.h"

/* Asks every listed backend for its devices and sorts them, best first. A device whose description
 * does not hold goes to runtime->rejected. Fails only when memory is out. */
tn_status tn_devices_collect(tn_runtime *runtime, struct tn_error *err);
/* Closes and frees them. */
void tn_devices_destroy(tn_runtime *runtime);

/* faults.c: reads runtime->state_file into the devices' lists. A file that cannot be used is logged and
 * costs nothing else; fails only when memory is out. */
tn_status tn_faults_load(tn_runtime *runtime, struct tn_error *err);
void tn_faults_finish(struct tn_device *device);

/* "opencl:0" */
#define TN_DEVICE_ID_SIZE 80
char *tn_device_id(const struct tn_device *device, char *buf, size_t size);

#endif
