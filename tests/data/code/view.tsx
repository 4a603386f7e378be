import React from "react";

/** Show a list of names, one below the other. */
export const Names = ({ names }: { names: string[] }) => {
  return (
    <ul>
      {names.map((n) => <li key={n}>{n}</li>)}
    </ul>
  );
};

export default class Panel extends React.Component {
  render() {
    return <div onClick={() => this.open()}>{this.props.title}</div>;
  }
}
